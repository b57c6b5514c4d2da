"""Signing in over TLS with the credential types of azure-identity."""

import ssl
import urllib.parse

import pytest
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph_beta import GraphRequestAdapter, GraphServiceClient

from rig.entente import CLIENT, SECRET, TENANT, Entente

SCOPES = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def secure(tmp_path, monkeypatch):
    running = Entente(tmp_path, "--tls", "self-signed")
    try:
        running.start()
        parts = urllib.parse.urlsplit(running.address)
        assert parts.scheme == "https"
        # The certificate of the installation is the one that its clients trust.
        authority = tmp_path / "authority.pem"
        authority.write_text(ssl.get_server_certificate((parts.hostname, parts.port)))
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, str(authority))
        yield f"https://localhost:{parts.port}"
    finally:
        if running.process:
            running.kill()


def client(credential, address):
    provider = AzureIdentityAuthenticationProvider(credential, scopes=SCOPES, allowed_hosts=["localhost"])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{address}/beta"
    return GraphServiceClient(request_adapter=adapter)


async def test_sign_in_with_a_client_secret(secure):
    options = {"authority": secure, "disable_instance_discovery": True}
    graph = client(ClientSecretCredential(TENANT, CLIENT, SECRET, **options), secure)
    assert (await graph.users.get()).value == []
    async with AsyncClientSecretCredential(TENANT, CLIENT, SECRET, **options) as credential:
        assert (await client(credential, secure).users.get()).value == []


async def test_a_wrong_secret_is_refused(secure):
    credential = ClientSecretCredential(TENANT, CLIENT, "wrong", authority=secure, disable_instance_discovery=True)
    with pytest.raises(Exception, match="AADSTS7000215|invalid_client"):
        await client(credential, secure).users.get()
