"""Stretches: tracks are cut where something happens, and nowhere else."""

import numpy as np

from vocsep.pitch.stretches import find_cuts


def test_a_held_note_is_one_stretch() -> None:
    assert find_cuts(np.stack((np.full(100, 64.0), np.full(100, 60.0)))).tolist() == [0, 100]


def test_tracks_are_cut_at_their_edges_and_at_another_note() -> None:
    track = np.full(120, np.nan)
    track[20:60], track[60:100] = 60.0, 65.0
    cuts = find_cuts(track[None])
    assert len(cuts) == 5 and np.abs(cuts - np.array([0, 20, 60, 100, 120])).max() <= 2


def test_vibrato_is_no_change_of_note() -> None:
    time = np.arange(300) * 0.016
    assert find_cuts((60 + 0.5 * np.sin(2 * np.pi * 5.5 * time))[None]).tolist() == [0, 300]


def test_tracks_that_glide_through_each_other_are_cut_there() -> None:
    glide = np.linspace(-4, 4, 200)
    cuts = find_cuts(np.stack((62 + np.abs(glide), 62 - np.abs(glide))))
    assert len(cuts) > 2 and all(70 <= cut <= 130 for cut in cuts[1:-1])
