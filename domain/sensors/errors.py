"""Errors of the sensors module."""

from domain.shared.errors import ConflictError, DomainError, InvalidError, NotFoundError


def unknown_sensor(sensor_id: str) -> NotFoundError:
    """Say that no sensor has this id."""
    return NotFoundError("unknown_sensor", f"there is no sensor {sensor_id!r}")


def unknown_room(room_name: str) -> NotFoundError:
    """Say that no room has this name."""
    return NotFoundError("unknown_room", f"there is no room {room_name!r}")


def unknown_tariff(name: str) -> NotFoundError:
    """Say that no tariff has this name."""
    return NotFoundError("unknown_tariff", f"there is no tariff {name!r}")


def sensor_exists(sensor_id: str) -> ConflictError:
    """Say that the id is taken."""
    return ConflictError("sensor_exists", f"there is a sensor {sensor_id!r} already; PUT changes it")


def room_exists(room_name: str) -> ConflictError:
    """Say that the name is taken."""
    return ConflictError("room_exists", f"there is a room {room_name!r} already; PUT changes it")


def sensor_has_readings(sensor_id: str) -> ConflictError:
    """Say that deleting it would lose data that nobody asked to lose."""
    return ConflictError(
        "sensor_has_readings", f"sensor {sensor_id!r} has readings; ?purge=true deletes them with it"
    )


def meaning_is_fixed(sensor_id: str, fields: str) -> ConflictError:
    """Say that what stored readings mean cannot be changed after the fact."""
    return ConflictError(
        "sensor_has_readings", f"sensor {sensor_id!r} has readings, so its {fields} cannot be changed"
    )


def unit_mismatch(unit: str, quantity: str) -> InvalidError:
    """Say that the unit is not one of the quantity's dimension."""
    return InvalidError("unit_mismatch", f"{unit!r} is no unit of {quantity}")


class OverlapError(DomainError):
    """A batch that was taken for new holds readings that are stored already; write it as overlapping."""

    def __init__(self) -> None:
        super().__init__("overlap", "some of these readings are stored already")


class StaleSensorsError(DomainError):
    """A sensor was changed or deleted since the batch was checked; check it again."""

    def __init__(self) -> None:
        super().__init__("stale_sensors", "a sensor was changed while its readings were on their way")


class ChunkStoredError(DomainError):
    """A chunk of readings is stored already, by another at this moment; its receipt is there to be read."""

    def __init__(self) -> None:
        super().__init__("chunk_stored", "another has stored this chunk at this moment")
