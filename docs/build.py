"""Build the documentation site in English and Korean; a warning stops the build.

python docs/build.py               both languages into docs/_build/html
python docs/build.py --language ko lessons/graphs.md     one language, and only some pages
python docs/build.py --text        write the sentences of the pages into docs/locale, to translate
"""

import argparse
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import notebooks
from jupyter_cache import get_cache

HERE = Path(__file__).parent
BUILD = HERE / "_build"
# The pages that must be Korean; results, benchmarks, the reference and the changelog are English.
TRANSLATED = (
    "index", "start", "coming_from", "limits", "guides/", "concepts/", "lessons/", "gallery/",
)  # fmt: skip
HEADER = """msgid ""
msgstr ""
"Language: ko\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""  # without dates, versions and translators, which would change with every update
HTML = {"en": BUILD / "html", "ko": BUILD / "html" / "ko"}


def sphinx(*arguments: object) -> None:
    """Run Sphinx in a process of its own, and stop if it fails."""
    done = subprocess.run([sys.executable, "-m", "sphinx", *map(str, arguments)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def write_texts(pages: list[str]) -> None:
    """Update `locale/ko` with the sentences of all pages, or of some."""
    texts = BUILD / "gettext"
    some = ["-D", f"include_patterns={','.join(['index.md', *pages])}"] if pages else []
    sphinx("-q", "-b", "gettext", "-D", "nb_execution_mode=off", *some, HERE, texts)
    wanted = {str(Path(page).with_suffix(".pot")) for page in pages}
    for text in sorted(texts.rglob("*.pot")):
        name = text.relative_to(texts).as_posix()
        if (pages and name not in wanted) or not name.startswith(TRANSLATED):
            text.unlink()
    command = [sys.executable, "-m", "sphinx_intl", "update", "-p", str(texts), "-l", "ko"]
    subprocess.run([*command, "-d", str(HERE / "locale"), "-w", "99"], check=True)
    for path in (HERE / "locale").rglob("*.po"):
        _, _, messages = path.read_text(encoding="utf-8").partition("\n\n")
        path.write_text(f"{HEADER}\n{messages}", encoding="utf-8")


def forget_old_outputs() -> None:
    """Delete stored outputs of lessons if the package has changed since they were computed."""
    digest = sha256()
    for path in sorted((HERE.parent / "gnnvision").rglob("*.py")):
        digest.update(path.read_bytes())
    state = BUILD / "package.sha256"
    if not state.is_file() or state.read_text() != digest.hexdigest():
        for folder in ("cache", "doctrees"):
            shutil.rmtree(BUILD / folder, ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        state.write_text(digest.hexdigest())
    # Processes that read pages side by side would all create the tables of an empty store.
    get_cache(str(BUILD / "cache")).list_cache_records()


def main() -> None:
    """Build what the command asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pages", nargs="*", help="only these pages, relative to docs/")
    parser.add_argument("--language", choices=tuple(HTML), help="only this language")
    parser.add_argument("--text", action="store_true", help="update docs/locale")
    options = parser.parse_args()
    if options.text:
        write_texts(options.pages)
        return
    forget_old_outputs()
    some = (
        ["-D", f"include_patterns={','.join(['index.md', *options.pages])}"]
        if options.pages
        else ["-W"]
    )
    for language in [options.language] if options.language else HTML:
        notebooks.write_all(HERE, HTML[language] / "notebooks", language)
        doctrees = BUILD / "doctrees" / language
        flags = ["-q", "--keep-going", "-j", "auto", "-D", f"language={language}", "-d", doctrees]
        sphinx("-b", "html", *flags, *some, HERE, HTML[language])
        print(HTML[language] / "index.html")


if __name__ == "__main__":
    main()
