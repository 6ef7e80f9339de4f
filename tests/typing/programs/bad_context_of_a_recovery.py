from medianest.resilience import ErrorRecoveryManager, RecoveryContext

manager = ErrorRecoveryManager()
manager.with_recovery(lambda: 1, {"servce": "plex"})  # wrong
manager.with_recovery(lambda: 1, RecoveryContext(servce="plex"))  # wrong
manager.register_recovery_action("again", 1, execute=lambda e, c: 1, cooldwn=1)  # wrong
