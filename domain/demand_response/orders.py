"""Commands as they go out: the request of the device with its words filled in."""

from dataclasses import replace

from domain.demand_response.commands import Command, CommandKind, ControlOrder
from domain.demand_response.devices import ControlBody, ControlKind, ControlRequest, Device
from domain.demand_response.model import DrEventId

_DECIMALS = 3


def is_manual(device: Device) -> bool:
    """Whether people have to switch it."""
    control = device.terms.control
    return control is None or control.kind is ControlKind.NONE


def order_of(command: Command, device: Device) -> ControlOrder | None:
    """Return what is sent to the device; None where it has no such request."""
    control = device.terms.control
    if control is None or control.kind is ControlKind.NONE:
        return None
    request = control.reduce if command.kind is CommandKind.REDUCE else control.restore
    if request is None:
        return None
    return ControlOrder(
        command_id=command.command_id, device_id=command.device_id, request=_filled(request, command)
    )


def _filled(request: ControlRequest, command: Command) -> ControlRequest:
    if request.body is None:
        return request
    words = {"reduction_kw": _number(command.reduction_kw), "target_kw": _number(command.target_kw)}
    return replace(request, body=_filled_in(request.body, words, command.event_id))


def _filled_in(body: ControlBody, words: dict[str, str], event_id: DrEventId) -> ControlBody:
    """Fill in the words; a text of a JSON document that is nothing but a number's word becomes a number."""
    text = body.text
    is_json = "json" in body.content_type
    for word, number in words.items():
        if is_json:
            text = text.replace(f'"{{{word}}}"', number or "null")
        text = text.replace(f"{{{word}}}", number)
    return replace(body, text=text.replace("{event_id}", str(event_id)))


def _number(kw: float | None) -> str:
    """Return kW to the watt; nothing where it is not known."""
    return "" if kw is None else repr(round(kw, _DECIMALS))
