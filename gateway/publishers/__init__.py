"""Publishers: encodings of stored records, each over one client library.

Read in this order: `base` (what a publisher is, and what it needs of the store), `message`,
`delivery` (what goes next) with `live`, `history` over `scan` and `parking`, `flight` (how much at
once), `outcomes` with `refusals` and `splitting` (what an answer means). Then MQTT: `format` (what
one `format:` of the site file says over it, and when), the canonical one in `presence` (status and
Will) and `canonical` (topics and payloads); `mqtt` (one connection kept up) with `look` and
`fetching`, `brokers`, `mqtt_version`, `backoff`, `dial` and `tls` (to which, how), `mqtt_client`
with `mqtt_packets` and `mqtt_answers` (paho), `inbox` (commands), `causes` and `reporter` (what
people are told).

InfluxDB goes another way: `influx` over `influx_lines` (the schema), `influx_batches` and
`influx_client` (HTTP), `influx_reporter`.

Other platforms over MQTT are in `dialects`, which gives its own reading order.

Another format over MQTT is a subclass of `format.Format`, and an entry point of
`nxgate.publishers` under the format's name, that makes an `mqtt.MqttPublisher` with it.
"""
