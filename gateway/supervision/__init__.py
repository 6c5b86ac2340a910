"""What the supervisor outside (systemd) is told: that it runs, and that it still gets on.

`moving` judges whether each part gets on with what is due; `notify` tells the supervisor;
`watchdog` feeds its watchdog only while all of them do.
"""
