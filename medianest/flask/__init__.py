"""The Flask extension for any app: guards around its views, admission, an end to what waits."""
