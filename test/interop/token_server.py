"""What the token servers for the tests have in common: they listen on 127.0.0.1 and a free port,
and are receivers at /hl7 too, which only accept their own tokens.

Their argument is JSON: `lifetime` of a token in seconds, and `clients`, each with `id`, `secret`,
`method`, and for private_key_jwt `key`, the public key in PEM format. They print their port, then a
line of JSON for each request to /hl7: the token and the status of the answer. A request to
/mark/N only prints N as `mark`.
"""

import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import hl7

SCOPE = "hl7:write"
settings = json.loads(sys.argv[1])


def acknowledge(body):
    """Says that the message was accepted."""
    return str(hl7.parse(body.decode()).create_ack("AA"))


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def serve(create):
    """Serves what `create(origin)` returns, an application (PEP 3333)."""
    server = make_server("127.0.0.1", 0, None, handler_class=Quiet)
    application = create(f"http://127.0.0.1:{server.server_port}")

    def watched(environ, start_response):
        head, _, mark = environ["PATH_INFO"].rpartition("/")
        if head == "/mark":
            print(json.dumps({"mark": int(mark)}), flush=True)
            start_response("204 No Content", [])
            return []

        def start(status, headers, exc_info=None):
            if environ["PATH_INFO"] == "/hl7":
                token = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
                print(json.dumps({"status": int(status[:3]), "token": token}), flush=True)
            return start_response(status, headers, exc_info)

        return application(environ, start)

    server.set_app(watched)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
