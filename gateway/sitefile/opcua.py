"""What a site file says of an OPC UA server beside its link."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.files import FilePath, SecretFile
from gateway.sitefile.part import Part
from gateway.sitefile.units import Duration, Int, Maybe, between
from gateway.words import _

SERVER = "opc.tcp"
"""The scheme of links that have policies, and that may tell changes by themselves."""
PKI = "pki"
"""The folder of certificates in the store's."""
NONE = "None"
"""The policy, and the mode, of a connection that nobody protects."""


class SecurityConfig(Part):
    """How an OPC UA connection is secured; None only where it is written out."""

    policy: Literal["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "None"] = (
        Field(
            default="Basic256Sha256",
            description="Security policy of the server's endpoint.",
            examples=["Basic256Sha256"],
        )
    )
    mode: Literal["SignAndEncrypt", "Sign", "None"] = Field(
        default="SignAndEncrypt",
        description="What is done to messages.",
        examples=["SignAndEncrypt"],
    )
    user: Maybe[Annotated[str, Field(min_length=1)]] = Field(
        default=None, description="User name at the server.", examples=["nxgate"]
    )
    password: Maybe[SecretFile] = Field(
        default=None,
        description="File that holds the password, mode 600.",
        examples=[{"file": "opc.password"}],
    )
    cert: Maybe[FilePath] = Field(
        default=None,
        description="A user's certificate, PEM, in place of name and password.",
        examples=["opc-user.pem"],
    )
    key: Maybe[FilePath] = Field(
        default=None,
        description="Its key, PEM, mode 600.",
        examples=["opc-user.key"],
    )
    pki: Maybe[FilePath] = Field(
        default=None,
        description="Folder of the gateway's certificate and of those that it trusts; without it "
        "`pki` in the store's folder.",
        examples=["/var/lib/nxgate/pki"],
    )
    certified_host: Maybe[Annotated[str, Field(min_length=1)]] = Field(
        default=None,
        description="Host that the server's certificate carries, where the link names it "
        "otherwise.",
        examples=["cell-7"],
    )
    certified_uri: Maybe[Annotated[str, Field(min_length=1)]] = Field(
        default=None,
        description="Application URI that the server's certificate carries, where the server "
        "calls itself otherwise.",
        examples=["urn:cell-7:maker:server"],
    )

    @model_validator(mode="after")
    def _consistent(self) -> "SecurityConfig":
        if (self.policy == NONE) != (self.mode == NONE):
            what = _("policy {policy} and mode {mode} don't go together").format(
                policy=self.policy, mode=self.mode
            )
            next_ = _("write None for both, which leaves all open, or for neither")
            raise Wrong("contradiction", what, next_, at=("mode",))
        if self.password is not None and self.user is None:
            what = _("a password without a user")
            raise Wrong("contradiction", what, _("write user: too"), at=("password",))
        if (self.cert is None) != (self.key is None):
            what = _("a user's certificate and its key go together")
            at = "key" if self.cert is None else "cert"
            raise Wrong("contradiction", what, _("write cert and key, or neither"), at=(at,))
        if self.cert is not None and self.user is not None:
            what = _("a user is named once: by name or by certificate")
            next_ = _("write user and password, or cert and key")
            raise Wrong("contradiction", what, next_, at=("cert",))
        if self.policy == NONE and (self.user is not None or self.cert is not None):
            what = _("policy None would show who the user is to anybody on the network")
            next_ = _("write policy: Basic256Sha256, or leave the user out")
            raise Wrong("contradiction", what, next_, at=("policy",))
        return self


class SubscriptionConfig(Part):
    """How a server looks for changes, and what it keeps of them until it tells them."""

    sampling: Maybe[Annotated[Duration, AfterValidator(between("1ms", "1d"))]] = Field(
        default=None,
        description="How often it looks; without it as often as it tells, which is the group's "
        "pace.",
        examples=["100ms"],
    )
    queue: Maybe[Annotated[Int, Field(ge=1, le=1000)]] = Field(
        default=None,
        description="Changes of a tag that it keeps until it tells them; without it as many as "
        "it sees in that time.",
        examples=[10],
    )
    discard: Literal["oldest", "newest"] = Field(
        default="oldest",
        description="Which of them it gives up where there are more.",
        examples=["newest"],
    )


def check_server(
    link: str,
    security: SecurityConfig | None,
    mode: str,
    subscription: SubscriptionConfig | None,
) -> None:
    """Check that what only a server has is said of a server, and in its place.

    Raises:
        Wrong: `bad-link`, `contradiction`.
    """
    is_server = link.startswith(f"{SERVER}:")
    if is_server and "?" in link:
        what = _("the security of a link doesn't stand in its URL")
        next_ = _("write security: {{policy: …, mode: …}} beside it").format()
        raise Wrong("bad-link", what, next_, at=("link",))
    said = {
        "security": security is not None,
        "mode": mode != "poll",
        "subscription": subscription is not None,
    }
    for key, is_said in said.items():
        if is_said and not is_server:
            what = _("{url} is no OPC UA server").format(url=link)
            next_ = _("delete {key}, or write {scheme}://").format(key=key, scheme=SERVER)
            raise Wrong("contradiction", what, next_, at=(key,))
    if subscription is not None and mode == "poll":
        what = _("the server is asked, so it has no subscription")
        next_ = _("write mode: subscribe, or delete subscription")
        raise Wrong("contradiction", what, next_, at=("subscription",))
