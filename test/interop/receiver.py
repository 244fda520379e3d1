"""A receiver of HL7 v2 over HTTP on 127.0.0.1 that uses python-hl7 to read and answer messages.

Prints its port, then a line of JSON for each request: what python-hl7 found in it, or for
a GET of /mark/N only N as `mark`.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hl7


lock = threading.Lock()


def tell(what):
    """Prints one line, whole, whichever thread it comes from."""
    with lock:
        print(json.dumps(what), flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # It sends an answer in two parts, of which the second would wait for 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self):
        tell({"mark": int(self.path.rpartition("/")[2])})
        self.send_response(204)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        charset = self.headers.get_content_charset("utf-8")
        text = body.decode(charset)
        if hl7.isfile(text):
            file = hl7.parse_file(text)
            messages = [message for batch in file for message in batch]
        else:
            messages = [hl7.parse(text)]
        seen = {
            "charset": charset,
            "type": self.headers.get_content_type(),
            "forwarded": self.headers.get("X-Forwarded-Proto"),
            "subject": self.headers.get("X-Client-Subject") or self.headers.get("X-Remote-User"),
            "bytes": len(body),
            "messages": [
                {
                    "id": str(message["MSH.F10"]),
                    "type": str(message.segment("MSH")[9]),
                    "segments": [str(segment[0]) for segment in message],
                    "family": message["PID.F5.R1.C1"],
                }
                for message in messages
            ],
        }
        tell(seen)
        code = "AE" if seen["messages"][0]["family"] == "Refused" else "AA"
        answer = (str(messages[0].create_ack(code)) + "\r").encode(charset)
        # Long enough for a proxy to compress it.
        answer += b"NTE|1||" + b"stored " * 100 + b"\r"
        self.send_response(200)
        self.send_header("Content-Type", "application/hl7-v2; charset=" + charset)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
tell({"port": server.server_port})
server.serve_forever()
