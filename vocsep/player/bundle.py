"""The modules of the player as one script: a page that is opened from a disk may import nothing.

Each module becomes a function that returns what it exports, in the order in which they need each other. Only
the forms that our own modules use are understood; anything else is refused when the page is built.
"""

import re
from graphlib import TopologicalSorter
from pathlib import Path

WEB = Path(__file__).parent / "web"
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:class|function|const|let) (\w+)", re.MULTILINE)


def bundled(entry: str, folder: Path = WEB) -> str:
    """A module and all that it imports, as one script that runs at once.

    Args:
        entry: name of its file.
        folder: where the modules lie.

    Raises:
        ValueError: a module imports or exports in a form that is not understood.
    """
    texts: dict[str, str] = {}
    needs: dict[str, list[str]] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = (folder / name).read_text(encoding="utf-8")
            needs[name] = [found[1] for found in IMPORT.findall(texts[name])]
            waiting += needs[name]
    modules = [_as_function(name, texts[name]) for name in TopologicalSorter(needs).static_order()]
    return '(() => {\n"use strict";\nconst modules = {};\n' + "\n".join(modules) + "\n})();"


def _as_function(name: str, text: str) -> str:
    exported = EXPORT.findall(text)
    body = IMPORT.sub(_taken, text)
    body = re.sub(r"^export (?=(?:async )?(?:class|function|const|let) )", "", body, flags=re.MULTILINE)
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE) or "</script" in body:
        raise ValueError(f"{name}: imports or exports in a form that a page cannot hold")
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}})();'


def _taken(found: re.Match[str]) -> str:
    names, module = found.groups()
    return f'const {{ {names.replace(" as ", ": ").strip()} }} = modules["{module}"];'
