"""What a site file says of an OPC UA server beside its link."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.sitefile.explain import Wrong
from gateway.sitefile.files import SecretFile
from gateway.sitefile.part import Part
from gateway.sitefile.units import Duration, Int, Maybe, between
from gateway.words import _

SERVER = "opc.tcp"
"""The scheme of links that have policies, and that may tell changes by themselves."""


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
