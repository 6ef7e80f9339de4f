from medianest.resilience import Fallback, Pipeline, Retry


class Client:
    @Pipeline("weather", [Fallback(value=None), Retry()])
    def forecast(self, city: str) -> str:
        return city


Client().forecast("Paris", days=2)  # wrong
Client().forecast(75)  # wrong
