"""A Modbus TCP server made of libmodbus, run as a process of its own.

Reads one JSON object from stdin, prints the port, then serves until killed:

    {"bits": {"20": 1}, "input_bits": {}, "registers": {"40": 5}, "input_registers": {},
     "floats": {"100": ["abcd", 1.5]}, "size": 2000, "port": ""}

With `"port": "/dev/pts/3"` it serves unit 1 on a serial line, and prints the path instead.
`floats` are put into the holding registers by libmodbus' own modbus_set_float_*.
"""

from __future__ import annotations

import ctypes
import json
import socket
import sys


class Mapping(ctypes.Structure):
    """`modbus_mapping_t` of modbus.h, libmodbus 3.1."""

    _fields_ = (
        *(
            (f"{what}_{table}", ctypes.c_int)
            for table in ("bits", "input_bits", "input_registers", "registers")
            for what in ("nb", "start")
        ),
        ("bits", ctypes.POINTER(ctypes.c_uint8)),
        ("input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("registers", ctypes.POINTER(ctypes.c_uint16)),
    )


def load() -> ctypes.CDLL:
    lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    lib.modbus_new_tcp.restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    lib.modbus_tcp_listen.argtypes = (ctypes.c_void_p, ctypes.c_int)
    lib.modbus_tcp_accept.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
    lib.modbus_receive.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    lib.modbus_reply.argtypes = (
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.POINTER(Mapping),
    )
    lib.modbus_close.argtypes = (ctypes.c_void_p,)
    for order in ("abcd", "cdab", "badc", "dcba"):
        getattr(lib, f"modbus_set_float_{order}").argtypes = (
            ctypes.c_float,
            ctypes.POINTER(ctypes.c_uint16),
        )
    return lib


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    lib = load()
    mapping = lib.modbus_mapping_new(*[wanted["size"]] * 4)
    for table in ("bits", "input_bits", "input_registers", "registers"):
        cells = getattr(mapping.contents, table)
        for address, value in wanted[table].items():
            cells[int(address)] = value
    registers = mapping.contents.registers
    for address, (order, value) in wanted["floats"].items():
        place = ctypes.cast(
            ctypes.addressof(registers.contents) + 2 * int(address),
            ctypes.POINTER(ctypes.c_uint16),
        )
        getattr(lib, f"modbus_set_float_{order}")(value, place)

    if port := wanted.get("port"):
        serve_line(lib, port.encode(), mapping)
        return
    context = lib.modbus_new_tcp(b"127.0.0.1", 0)
    listening = lib.modbus_tcp_listen(context, 1)
    if listening < 0:
        sys.exit(f"libmodbus can't listen: errno {ctypes.get_errno()}")
    # Only to learn the port that the system picked; the descriptor stays libmodbus' own.
    sock = socket.socket(fileno=listening)
    print(sock.getsockname()[1], flush=True)
    sock.detach()

    descriptor = ctypes.c_int(listening)
    request = ctypes.create_string_buffer(260)
    while lib.modbus_tcp_accept(context, ctypes.byref(descriptor)) >= 0:
        while (length := lib.modbus_receive(context, request)) >= 0:
            lib.modbus_reply(context, request, length, mapping)
        lib.modbus_close(context)


def serve_line(lib: ctypes.CDLL, port: bytes, mapping: object) -> None:
    lib.modbus_new_rtu.restype = ctypes.c_void_p
    lib.modbus_new_rtu.argtypes = (
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char,
        *[ctypes.c_int] * 2,
    )
    lib.modbus_set_slave.argtypes = (ctypes.c_void_p, ctypes.c_int)
    lib.modbus_connect.argtypes = (ctypes.c_void_p,)
    context = lib.modbus_new_rtu(port, 115200, b"N", 8, 1)
    lib.modbus_set_slave(context, 1)
    if lib.modbus_connect(context) < 0:
        sys.exit(f"libmodbus can't open {port!r}: errno {ctypes.get_errno()}")
    print(port.decode(), flush=True)
    request = ctypes.create_string_buffer(260)
    while True:
        length = lib.modbus_receive(context, request)
        if length > 0:
            lib.modbus_reply(context, request, length, mapping)


if __name__ == "__main__":
    main()
