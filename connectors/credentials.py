"""A tenant's credentials, opened for the call that names them. Values go to the other side and nowhere else: not into
outputs, errors or logs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from connectors.manifest import Auth, Manifest
from connectors.parameters import prepare
from engine.errors import AuthError, NotFound, PermanentError

if TYPE_CHECKING:
    from engine.store.access.credentials import OpenCredential
    from engine.store.session import Database
    from engine.store.vault import Vault

Json = Any


class TenantCredentials:
    """Opens credentials out of the vault. One a process; keeps nothing."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def open(self, tenant_id: UUID, name: str) -> OpenCredential:
        """Raises PermanentError when the tenant has none of that name, ConfigError when it cannot be opened."""
        from engine.store.access.credentials import open_credential  # noqa: PLC0415 - loads the database driver
        from engine.store.session import Scope  # noqa: PLC0415

        try:
            async with self._database.transaction(Scope(tenant_id, None, "system")) as tx:
                return await open_credential(tx, self._vault, name)
        except NotFound as error:
            raise PermanentError(error.public_message, parameter="credential") from error

    async def for_connector(self, tenant_id: UUID, name: str, manifest: Manifest) -> Mapping[str, Json]:
        """The secret's fields as the manifest describes them; its kind must be the connector's id."""
        found = await self.open(tenant_id, name)
        if found.kind != manifest.id:
            raise AuthError(f"The credential {name!r} is of kind {found.kind!r}, and not {manifest.id!r}.")
        return fields_of(name, found.value, manifest.auth)


def fields_of(name: str, value: str, auth: Auth) -> Mapping[str, Json]:
    """A secret as fields: a JSON object, or a plain text for the field that the manifest calls `plain`.

    Raises PermanentError that names the wrong field without any value.
    """
    fields: Json = None
    if value.lstrip().startswith("{"):
        try:
            fields = json.loads(value)
        except ValueError:
            fields = None
    elif auth.plain:
        fields = {auth.plain: value}
    if not isinstance(fields, dict):
        raise PermanentError(f"The credential {name!r} must be a JSON object.", parameter="credential")
    try:
        return prepare("credential", auth.credential or {}, fields, "credential_error")
    except PermanentError as error:
        field = error.details.get("parameter") or "it"
        message = f"The credential {name!r} is not complete: {field} is missing or wrong."
    raise PermanentError(message, parameter="credential")  # outside the handler: the cause shows values


def http_header(credential: OpenCredential) -> tuple[str, str]:
    """The header that signs a request in. Kinds: http_bearer (a token), http_basic (user:password), http_header."""
    value = credential.value.strip()
    if credential.kind == "http_bearer":
        return "Authorization", f"Bearer {value}"
    if credential.kind == "http_basic":
        return "Authorization", "Basic " + base64.b64encode(value.encode()).decode()
    name, found, rest = value.partition(":")
    if credential.kind == "http_header" and found:
        return name.strip(), rest.strip()
    raise AuthError(
        f"The credential {credential.name!r} is of kind {credential.kind!r}; "
        "requests take http_bearer, http_basic or http_header (Name: value)."
    )
