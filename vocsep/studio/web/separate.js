// How many voices, what they are called, and off it goes.

import { button, element } from "../player/names.js";
import { api } from "./api.js";

const USUAL = { 2: "soprano, alto", 3: "soprano, alto, bass", 4: "soprano, alto, tenor, bass" };

/** started(job), problem(line). `again`: stems, pitches and corrections of a project would be replaced. */
export function separateForm({ started, problem, again = false }) {
  const voices = element("select", { id: "voices" });
  voices.append(element("option", { value: "" }, "decide by listening"));
  for (let n = 1; n <= 8; n++) voices.append(element("option", { value: n }, n === 1 ? "one voice" : `${n} voices`));
  const names = element("input", { type: "text", id: "names", placeholder: "voice_1, voice_2, …", autocomplete: "off" });
  voices.addEventListener("change", () => (names.placeholder = USUAL[voices.value] ?? "voice_1, voice_2, …"));
  const form = element(
    "form",
    { class: "card separate", "aria-label": "Separate" },
    element("h2", {}, again ? "Separate all of it once more" : "Who is singing?"),
    element("p", {}, again ? "This replaces the stems, the pitches and all your corrections." : "Say how many voices there are, if you know it: the result is better."),
    element("div", { class: "row" },
      element("span", { class: "field" }, element("label", { for: "voices" }, "Voices"), voices),
      element("span", { class: "field wide" }, element("label", { for: "names" }, "Names, from the highest down (if you like)"), names),
      button("Separate the voices", { text: "Separate", kind: "main" })),
  );
  form.querySelector("button").type = "submit";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const called = names.value.split(",").map((name) => name.trim()).filter(Boolean);
    try {
      const asked = { voices: voices.value ? Number(voices.value) : null, names: called.length ? called : null };
      started((await api.post("separate", asked)).job);
    } catch (error) {
      problem(error.message);
    }
  });
  return form;
}
