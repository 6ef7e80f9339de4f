from medianest.resilience import Retry

Retry(max_attempt=3)  # wrong
Retry(budget=20)  # wrong
