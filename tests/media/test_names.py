"""Names: what every system takes, and what means the same."""

import unicodedata

import pytest

from vocsep.media.names import folded, is_file_name


@pytest.mark.parametrize(
    "name", ["con", "NUL", "aux.wav", "Com1", "lpt9.old", "alto ", "alto.", "a\tb", "x" * 201]
)
def test_what_some_system_refuses_is_refused_on_all(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize("name", ["console", "alto 2", "Ténor", "com", "x" * 200, "バス"])
def test_what_all_systems_take_is_taken(name: str) -> None:
    assert is_file_name(name)


def test_bytes_count_not_letters() -> None:
    assert is_file_name("ß" * 100) and not is_file_name("ß" * 101)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    for name in ("Sébastien", "Ångström", "Ténor"):
        for form in ("NFC", "NFD"):
            assert folded(unicodedata.normalize(form, name.upper())) == folded(name)
    assert folded("tenor") != folded("ténor")
