"""Lines that several devices, and several protocols, share: serial ports and serial servers.

Reading order: `ports.py` (what a line is), `url.py` (how a site file writes it), `serial_port.py`
(a port as a transport), `sockets.py` and `tls.py` (a TCP connection), `bus.py` (the thing itself:
opened once, one question at a time, at the speed of whoever asks), `framing.py` (what a protocol
must tell of its frames), `link.py` (questions and answers, and why no late answer becomes another
question's value).
"""
