"""Signing in over TLS with the credential types of azure-identity."""

import pytest
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph_beta import GraphRequestAdapter, GraphServiceClient

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
