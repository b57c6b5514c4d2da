"""Signing in over TLS with the credential types of azure-identity."""

import base64
import json
import time
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from azure.identity import CertificateCredential, ClientAssertionCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph_beta import GraphRequestAdapter, GraphServiceClient

from rig.entente import TENANT
from rig.secure import SCOPES


def client(credential, address):
    provider = AzureIdentityAuthenticationProvider(credential, scopes=SCOPES, allowed_hosts=["localhost"])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{address}/beta"
    return GraphServiceClient(request_adapter=adapter)


async def test_sign_in_with_a_client_secret(secure):
    assert (await client(secure.credential(), secure.address).users.get()).value == []
    async with secure.credential(kind=AsyncClientSecretCredential) as credential:
        assert (await client(credential, secure.address).users.get()).value == []


async def test_a_wrong_secret_is_refused(secure):
    with pytest.raises(Exception, match="AADSTS7000215|invalid_client"):
        await client(secure.credential("wrong"), secure.address).users.get()


@pytest.fixture(scope="module")
def certificate():
    """A private key with its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256())


def call(secure, method, path, body=None):
    """A request of the bootstrap client, without an SDK."""
    headers = {"Authorization": f"Bearer {secure.token()}", "Content-Type": "application/json"}
    sent = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{secure.address}/v1.0/{path}", sent, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def register(secure, certificate):
    """A client that signs in with a certificate and may read users; its application id."""
    encoded = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": encoded}
    application = call(secure, "POST", "applications", {"displayName": "Client", "keyCredentials": [credential]})
    principal = call(secure, "POST", "servicePrincipals", {"appId": application["appId"]})
    resource = call(secure, "GET", "servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
    [role] = [role for role in resource["appRoles"] if role["value"] == "User.Read.All"]
    assignment = {"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": role["id"]}
    call(secure, "POST", f"servicePrincipals/{principal['id']}/appRoleAssignments", assignment)
    return application["appId"]


async def test_sign_in_with_a_certificate_and_with_an_assertion(secure, certificate):
    address = secure.address
    options = {"authority": address, "disable_instance_discovery": True}
    key, shown = certificate
    client_id = register(secure, shown)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = private + shown.public_bytes(serialization.Encoding.PEM)
    for chain in (False, True):
        credential = CertificateCredential(
            TENANT, client_id, certificate_data=pem, send_certificate_chain=chain, **options
        )
        assert (await client(credential, address).users.get()).value == []

    def assertion(algorithm, audience):
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": str(uuid.uuid4()), "exp": now + 300}
        return jwt.encode(claims, key, algorithm)

    endpoint = f"{address}/{TENANT}/oauth2/v2.0/token"
    for algorithm in ("RS256", "PS256"):
        credential = ClientAssertionCredential(TENANT, client_id, lambda: assertion(algorithm, endpoint), **options)
        assert (await client(credential, address).users.get()).value == []
    elsewhere = ClientAssertionCredential(TENANT, client_id, lambda: assertion("RS256", "https://elsewhere"), **options)
    with pytest.raises(Exception, match="AADSTS700023"):
        await client(elsewhere, address).users.get()
