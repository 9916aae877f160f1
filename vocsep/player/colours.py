"""One colour for each voice, the same in every table and picture."""

# Distinct for colour-blind eyes too (after Okabe and Ito), readable on dark and on light ground.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#8c8cf0", "#a89a00", "#909090")


def voice_style(voice: int) -> str:
    """Colour of a voice, 1 being the highest, in a form that Rich, matplotlib and browsers all read.

    >>> voice_style(1), voice_style(9)
    ('#e69f00', '#e69f00')
    """
    return COLOURS[(voice - 1) % len(COLOURS)]
