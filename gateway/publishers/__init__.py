"""Publishers: encodings of stored records, each over one client library.

Read in this order: `base` (what a publisher is, and what it needs of the store), `message`,
`delivery` (what goes next) with `live`, `history` over `scan` and `parking`, `flight` (how much at
once), `outcomes` with `refusals` and `splitting` (what an answer means). Then MQTT: `canonical`
(topics and payloads), `mqtt` (one connection kept up), `presence` (status and Will), `brokers`,
`mqtt_version`, `backoff`, `dial` and `tls` (to which, how), `mqtt_client` with `mqtt_packets` and
`mqtt_answers` (paho), `inbox` (commands), `causes` and `reporter` (what people are told).
"""
