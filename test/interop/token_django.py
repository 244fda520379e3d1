"""A token server made with django-oauth-toolkit; see token_server.py.

Its issuer is its origin and /o. It accepts Basic and form from each client; the method of a client
only says whether it is public (`none`). A client with `hashed` has its secret stored as a hash,
which is the default of django-oauth-toolkit, but slow.
"""

import django
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from token_server import SCOPE, acknowledge, serve, settings

django_settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": settings["lifetime"],
        "OIDC_ENABLED": True,
        "SCOPES": {SCOPE: "Send HL7 messages"},
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for this test",
    USE_TZ=True,
)
django.setup()

# These need what django.setup() prepares.
from oauth2_provider.decorators import protected_resource  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402


@csrf_exempt
@protected_resource(scopes=[SCOPE])
def receive(request):
    return HttpResponse(acknowledge(request.body), content_type="application/hl7-v2")


urlpatterns = [path("hl7", receive), path("o/", include("oauth2_provider.urls"))]


def create(origin):
    call_command("migrate", verbosity=0)
    for client in settings["clients"]:
        public = client["method"] == "none"
        Application.objects.create(
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            client_id=client["id"],
            client_type=Application.CLIENT_PUBLIC if public else Application.CLIENT_CONFIDENTIAL,
            hash_client_secret=client.get("hashed", False),
            **({} if public else {"client_secret": client["secret"]}),
        )
    return get_wsgi_application()


serve(create)
