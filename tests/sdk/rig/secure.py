"""Entente over TLS, and the Graph SDKs signed in with azure-identity."""

import importlib
import ssl
import urllib.parse
from pathlib import Path

from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider

from .entente import CLIENT, SECRET, TENANT, Entente
from .graph import VERSIONS, Graph

SCOPES = ["https://graph.microsoft.com/.default"]


class SecureEntente(Entente):
    """Entente with a certificate of its own, which its clients are told to trust."""

    def __init__(self, folder: Path):
        super().__init__(folder, "--tls", "self-signed")
        self.certificate = folder / "authority.pem"

    def start(self):
        super().start()
        parts = urllib.parse.urlsplit(self.address)
        assert parts.scheme == "https"
        self.certificate.write_text(ssl.get_server_certificate((parts.hostname, parts.port)))
        self.address = f"https://localhost:{parts.port}"
        return self

    def credential(self, secret: str = SECRET, kind=ClientSecretCredential):
        return kind(TENANT, CLIENT, secret, authority=self.address, disable_instance_discovery=True)


class SecureGraph(Graph):
    """A client that signs in with a credential of azure-identity."""

    def connect(self):
        sdk = importlib.import_module(self.package)
        authentication = AzureIdentityAuthenticationProvider(
            self.entente.credential(), scopes=SCOPES, allowed_hosts=["localhost"]
        )
        self.adapter = sdk.GraphRequestAdapter(authentication)
        self.adapter.base_url = f"{self.entente.address}/{VERSIONS[self.package]}"
        self.client = sdk.GraphServiceClient(request_adapter=self.adapter)
