"""Real processes for the suites: Entente, a SCIM server as its target, a proxy between them, and the Graph SDKs."""
