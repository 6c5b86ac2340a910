"""Words of other platforms over MQTT: the same records, the same delivery, another spelling.

Read in this order: `samples` (a record as values at times), `dialect` (what all of them share) with
`carrier` (one record as several messages, acknowledged together), `signing` (who the gateway is to
a platform) and `asking` (what a platform asks, as commands). Then each by itself: `thingsboard`,
`umh`, `jetlinks`, `huawei`, `alink`, and `mapped`, whose words a mapping file gives.

Sources: docs/platforms.md names them, platform by platform.
"""
