"""A registry with the operation submitSingleMessage (CDC WSDL of 2011) on 127.0.0.1, made with spyne.

Its acknowledgement is AA; the family name `Refused` gets AE, `Invalid` a fault that blames the
client, and `Broken` an error of the server; the password `wrong` gets a fault about the login. The
path is the SOAP version.

Prints its port, then a line of JSON for each message, or for a GET of /mark/N only N as `mark`.
"""

import json
import logging
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from spyne import Application, Fault, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:cdc:iisb:2011"

# A stack trace of the error that it is asked for.
logging.disable(logging.CRITICAL)


def tell(what):
    print(json.dumps(what), flush=True)


class Registry(ServiceBase):
    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Unicode, _out_variable_name="return")
    def submitSingleMessage(ctx, username, password, facilityID, hl7Message):
        # XML makes one line break of the CR at the end of a segment.
        segments = hl7Message.replace("\r\n", "\r").replace("\n", "\r").split("\r")
        msh = segments[0].split("|")
        tell({"username": username, "facility": facilityID, "id": msh[9]})
        if password == "wrong":
            raise Fault("Client.Authentication", "No")
        if "Invalid" in hl7Message:
            raise Fault("Client.Schema", "No")
        if "Broken" in hl7Message:
            raise RuntimeError("out of order")
        code = "AE" if "Refused" in hl7Message else "AA"
        return f"MSH|^~\\&|IIS|STATE|||20260102||ACK|R1|P|2.5.1\rMSA|{code}|{msh[9]}\r"


def application(protocol):
    return WsgiApplication(
        Application(
            [Registry],
            NAMESPACE,
            in_protocol=protocol(),
            out_protocol=protocol(),
        )
    )


versions = {"/1.1": application(Soap11), "/1.2": application(Soap12)}


def serve(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/mark/"):
        tell({"mark": int(path.rpartition("/")[2])})
        start_response("204 No Content", [])
        return []
    return versions[path](environ, start_response)


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


server = make_server("127.0.0.1", 0, serve, handler_class=Quiet)
tell({"port": server.server_port})
server.serve_forever()
