"""A token server made with Authlib and Flask, as its documentation describes; see token_server.py.

Its issuer is its origin. A client may only use its own authentication method.
"""

import os
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, request

from token_server import SCOPE, acknowledge, serve, settings

# It refuses plain HTTP otherwise, even on this machine.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
# Authlib has one name for both kinds of JWT.
JWT = JWTBearerClientAssertion.CLIENT_AUTH_METHOD
JWT_METHODS = ["client_secret_jwt", "private_key_jwt"]


class Client(ClientMixin):
    def __init__(self, client):
        self.id = client["id"]
        self.secret = client.get("secret", "")
        self.method = client["method"]
        self.key = client.get("key", self.secret)

    def get_client_id(self):
        return self.id

    def get_allowed_scope(self, scope):
        return scope if scope == SCOPE else ""

    def check_client_secret(self, secret):
        return secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.method or (method == JWT and self.method in JWT_METHODS)

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


class Token(TokenMixin):
    def __init__(self, token, client):
        self.token = token
        self.client = client
        self.issued = time.time()
        self.revoked = False

    def check_client(self, client):
        return client is self.client

    def get_scope(self):
        return self.token.get("scope", "")

    def is_expired(self):
        return time.time() >= self.issued + self.token["expires_in"]

    def is_revoked(self):
        return self.revoked


clients = {client["id"]: Client(client) for client in settings["clients"]}
tokens = {}


def save_token(token, request):
    tokens[token["access_token"]] = Token(token, request.client)


class ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", JWT, "none"]


class Revocation(RevocationEndpoint):
    def query_token(self, token_string, token_type_hint):
        return tokens.get(token_string)

    def revoke_token(self, token, request):
        token.revoked = True


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return tokens.get(token_string)


class Assertion(JWTBearerClientAssertion):
    """Accepts each assertion once."""

    seen = set()

    def validate_jti(self, claims, jti):
        known = jti in self.seen
        self.seen.add(jti)
        return not known

    def resolve_client_public_key(self, client, headers):
        return client.key


def create(origin):
    app = Flask(__name__)
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": settings["lifetime"]}
    server = AuthorizationServer(app, query_client=clients.get, save_token=save_token)
    server.register_grant(ClientCredentials)
    server.register_endpoint(Revocation)
    server.register_client_auth_method(JWT, Assertion(f"{origin}/token"))
    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(Validator())

    @app.get("/.well-known/oauth-authorization-server")
    def metadata():
        return {
            "issuer": origin,
            "token_endpoint": f"{origin}/token",
            "revocation_endpoint": f"{origin}/revoke",
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                *JWT_METHODS,
                "none",
            ],
        }

    @app.post("/token")
    def token():
        return server.create_token_response()

    @app.post("/revoke")
    def revoke():
        return server.create_endpoint_response("revocation")

    @app.post("/hl7")
    @require_oauth(SCOPE)
    def receive():
        return acknowledge(request.get_data()), {"Content-Type": "application/hl7-v2"}

    return app


serve(create)
