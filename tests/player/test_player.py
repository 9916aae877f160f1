"""The page in a browser: what is heard, what the keys do, and that everyone can use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vocsep.player.page import Sung

# Noise in chunks of odd length: at every seam a sample more or less would be heard.
ADDS_UP = """async () => {
  const { transport, mixer } = vocsep;
  const rate = 44100, voices = 3, samples = 30011, chunk = 997;
  const random = () => Float32Array.from({ length: samples }, () => Math.random() - 0.5);
  const noise = Array.from({ length: voices }, random);
  const source = { sampleRate: rate, samples, seconds: samples / rate, chunkSamples: chunk,
    load: async (voice, n) => [noise[voice].slice(n * chunk, (n + 1) * chunk)] };
  const desk = new mixer.constructor(voices);
  const player = new transport.constructor(source, desk, { voices });
  const context = new OfflineAudioContext(1, samples + rate, rate);
  await player.open(context);
  player.playing = true;
  %s
  const next = { sample: first, at: null };
  await player.fill(next, player.turn);
  const heard = (await context.startRendering()).getChannelData(0);
  const at = Math.round(player.begun * rate);
  let worst = 0;
  for (let n = 0; n < wanted.length; n++) worst = Math.max(worst, Math.abs(heard[at + n] - wanted[n](noise)));
  return [worst, at, wanted.length];
}"""
WHOLE = """const first = 0;
const wanted = Array.from({length: samples}, (_, n) => (all) => all[0][n] + all[1][n] + all[2][n]);"""
LOOP = """const first = 5000; player.loop = [4000, 7001];
const wanted = Array.from({length: 20000}, (_, n) => (all) => {
  const place = 4000 + ((1000 + n) % 3001); return all[0][place] + all[1][place] + all[2][place]; });"""
SOLO = """const first = 123; desk.solo(1);
const wanted = Array.from({length: 9000}, (_, n) => (all) => all[1][123 + n]);
desk.nodes.forEach((node, voice) => {
  node.gain.gain.cancelScheduledValues(0);
  node.gain.gain.value = desk.gain(voice);
});"""


@pytest.fixture
def opened(open_page: Callable[..., Any], page_file: Path) -> Any:
    return open_page(page_file.as_uri())


@pytest.mark.parametrize("case", [WHOLE, LOOP, SOLO], ids=["whole", "loop", "solo"])
def test_voices_are_heard_sample_by_sample(opened: Any, case: str) -> None:
    worst, first, count = opened.evaluate(ADDS_UP % case)
    assert worst < 1e-5 and first > 0 and count > 1000


def test_decoded_stems_are_where_they_should_be(opened: Any, sung: Sung) -> None:
    """The seam of two pieces of mp3 is no seam: around it the sound is as smooth as elsewhere."""
    jump = """async () => {
      const { source } = vocsep.transport;
      const [[before], [after]] = [await source.load(0, 0), await source.load(0, 1)];
      const joined = [...before.slice(-2000), ...after.slice(0, 2000)];
      const steps = joined.slice(1).map((value, n) => Math.abs(value - joined[n]));
      return [steps[1999], Math.max(...steps), before.length, after.length];
    }"""
    at_the_seam, largest, first, second = opened.evaluate(jump)
    assert (first, second) == (20 * 24_000, 4 * 24_000)
    assert at_the_seam < 0.5 * largest + 0.005


def test_space_plays_and_keys_solo(opened: Any) -> None:
    opened.keyboard.press("Space")
    opened.wait_for_function("vocsep.transport.time > 0.3")
    opened.keyboard.press("2")
    assert opened.evaluate("[vocsep.mixer.gain(0), vocsep.mixer.gain(1)]") == [0, 1]
    assert opened.get_by_role("button", name="Solo, key 2: Baß").get_attribute("aria-pressed") == "true"
    opened.keyboard.press("ArrowRight")
    opened.wait_for_function("vocsep.transport.time > 5")
    opened.keyboard.press("Space")
    assert opened.evaluate("vocsep.transport.playing") is False
    opened.keyboard.press("Home")
    assert opened.evaluate("vocsep.transport.time") == 0


def test_it_ends_and_begins_again(opened: Any) -> None:
    opened.evaluate("vocsep.transport.seek(23.6)")
    opened.keyboard.press("Space")
    opened.wait_for_function("!vocsep.transport.playing && vocsep.transport.time === 0")


def test_half_speed_takes_twice_the_time_at_the_same_pitch(opened: Any) -> None:
    """The strongest frequency of a tone that is played at half speed is still that of the tone."""
    heard = """async () => {
      const { transport } = vocsep;
      const rate = transport.source.sampleRate;
      const sine = (_, n) => 0.3 * Math.sin(2 * Math.PI * 440 * n / rate);
      const tone = Float32Array.from({ length: 10 * rate }, sine);
      transport.use({ ...transport.source, samples: tone.length, sampleRate: rate, seconds: 10,
        chunkSamples: tone.length, load: async () => [tone] });
      await transport.setSpeed(0.5);
      const analyser = transport.context.createAnalyser();
      analyser.fftSize = 16384;
      transport.gate.connect(analyser);
      await transport.play();
      const [clock, time] = [transport.context.currentTime, transport.time];
      await new Promise((done) => setTimeout(done, 1500));
      const speed = (transport.time - time) / (transport.context.currentTime - clock);
      const level = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(level);
      const strongest = level.indexOf(Math.max(...level));
      return [speed, strongest * rate / analyser.fftSize, Math.max(...level)];
    }"""
    speed, hertz, level = opened.evaluate(heard)
    assert speed == pytest.approx(0.5, abs=0.12)
    assert hertz == pytest.approx(440, abs=4)
    assert level > -40


def test_my_part_is_ten_decibels_before_the_others(opened: Any) -> None:
    opened.get_by_role("button", name="My part louder: Sopran").click()
    assert opened.evaluate("[vocsep.mixer.gain(0), vocsep.mixer.gain(1)]") == pytest.approx([1, 10**-0.5])


def test_a_drag_over_the_times_repeats_a_passage(opened: Any) -> None:
    box = opened.locator(".picture").bounding_box()
    opened.mouse.move(box["x"] + 200, box["y"] + 12)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 400, box["y"] + 12, steps=4)
    opened.mouse.up()
    start, end = opened.evaluate("vocsep.transport.loopSeconds")
    assert end - start == pytest.approx(200 / opened.evaluate("vocsep.picture.view.perSecond"), abs=0.05)


@pytest.mark.parametrize("size, theme", [((1440, 900), "light"), ((390, 844), "dark")], ids=["desk", "phone"])
def test_everyone_can_use_the_page(
    open_page: Callable[..., Any],
    page_file: Path,
    faults_of_access: Callable[[Any], list[str]],
    size: tuple[int, int],
    theme: str,
) -> None:
    page = open_page(page_file.as_uri(), *size, theme)
    assert faults_of_access(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
