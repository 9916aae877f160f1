"""Stretches: tracks are cut where something happens, and nowhere else."""

import numpy as np

from vocsep.pitch.stretches import find_cuts, find_stretches


def test_a_held_note_is_one_stretch() -> None:
    stretches = find_stretches(np.stack((np.full(100, 64.0), np.full(100, 60.0))))
    assert stretches.edges.tolist() == [0, 100] and stretches.frames.tolist() == [[100, 100]]
    np.testing.assert_allclose(stretches.mean, [[64.0, 60.0]])


def test_tracks_are_cut_at_their_edges_and_at_another_note() -> None:
    track = np.full(120, np.nan)
    track[20:60], track[60:100] = 60.0, 65.0
    cuts = find_cuts(track[None])
    assert len(cuts) == 5 and np.abs(cuts - np.array([0, 20, 60, 100, 120])).max() <= 2


def test_vibrato_is_no_change_of_note() -> None:
    time = np.arange(300) * 0.016
    assert find_cuts((60 + 0.5 * np.sin(2 * np.pi * 5.5 * time))[None]).tolist() == [0, 300]


def test_tracks_that_glide_through_each_other_meet_once() -> None:
    glide = np.linspace(-4, 4, 200)
    stretches = find_stretches(np.stack((62 + np.abs(glide), 62 - np.abs(glide))))
    met = np.flatnonzero(stretches.meets[:, 0, 1])
    assert len(met) >= 1
    assert all(70 <= stretches.edges[index] <= 130 for index in met)
    assert stretches.meets.transpose(0, 2, 1).tolist() == stretches.meets.tolist()


def test_what_goes_on_is_told_from_what_begins() -> None:
    lower = np.full(100, np.nan)
    lower[50:] = 55.0
    stretches = find_stretches(np.stack((np.full(100, 64.0), lower)))
    assert stretches.edges.tolist() == [0, 50, 100]
    assert stretches.through.tolist() == [[False, False], [True, False]]
    assert stretches.begins[1].tolist() == [64.0, 55.0] and np.isnan(stretches.ends[0, 1])
