"""Clients of python-hl7 that send each message until it is accepted.

usage: mllp_clients.py PORT CONNECTIONS MESSAGES TIMEOUT

Each connection has one message in flight. Prints a line of JSON for each accepted message, with
the control IDs of the message and of its acknowledgement, the number of attempts and the codes of
earlier refusals; and one for each frame that does not acknowledge the message in flight.
"""

import json
import socket
import sys
import threading
import time

import hl7
from hl7.client import MLLPClient

PORT, CONNECTIONS, MESSAGES = (int(argument) for argument in sys.argv[1:4])
TIMEOUT = float(sys.argv[4])
MESSAGE = (
    "MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102030405||ADT^A01^ADT_A01|{id}|P|2.5.1\r"
    "PID|1||{patient}^^^NORTHSIDE^MR||S\u00f8nderg\u00e5rd^Astrid||19840217|F\r"
)
output = threading.Lock()


def report(**facts):
    with output:
        print(json.dumps(facts), flush=True)


def connect():
    while True:
        try:
            client = MLLPClient("127.0.0.1", PORT)
            client.socket.settimeout(TIMEOUT)
            return client
        except OSError:
            time.sleep(0.1)


def acknowledgement(reply):
    """MSA-1, MSA-2 and MSH-10 of a reply in a single frame; otherwise None."""
    if reply[:1] != b"\x0b" or reply[-2:] != b"\x1c\r" or reply.count(b"\x0b") != 1:
        return None
    message = hl7.parse(reply[1:-2].decode())
    msa = message.segment("MSA")
    return str(msa(1)), str(msa(2)), str(message.segment("MSH")(10))


def sender(connection):
    client = None
    for number in range(connection, MESSAGES, CONNECTIONS):
        controlId = "M{:06d}".format(number)
        text = MESSAGE.format(id=controlId, patient=connection)
        attempts = 0
        refused = []
        while True:
            client = client or connect()
            attempts += 1
            try:
                reply = client.send_message(text)
            except OSError:
                reply = b""
            if reply == b"":
                client.close()
                client = None
                continue
            found = acknowledgement(reply)
            if found is None or found[1] != controlId:
                report(wrong=repr(reply), awaited=controlId)
                return
            code, _, ackId = found
            if code == "AA":
                report(id=controlId, ackId=ackId, attempts=attempts, refused=refused)
                break
            refused.append(code)
            time.sleep(0.1)
    if client:
        # Anything that arrives now is one acknowledgement too many.
        client.socket.settimeout(0.5)
        try:
            rest = client.socket.recv(4096)
        except (OSError, socket.timeout):
            rest = b""
        if rest:
            report(wrong=repr(rest), awaited="nothing")
        client.close()


threads = [threading.Thread(target=sender, args=(n,)) for n in range(CONNECTIONS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
