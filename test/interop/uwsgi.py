"""Acknowledges each message, as an application behind uWSGI."""


def application(environment, start_response):
    length = int(environment.get("CONTENT_LENGTH") or 0)
    control_id = environment["wsgi.input"].read(length).decode().split("|")[9]
    reply = f"MSH|^~\\&|C|D|A|B|2026||ACK|R{control_id}|P|2.5\rMSA|AA|{control_id}\r".encode()
    headers = [("Content-Type", "application/hl7-v2"), ("Content-Length", str(len(reply)))]
    start_response("200 OK", headers)
    return [reply]
