"""The page of a run says what the run left, in a browser too; unfinished, damaged and hostile runs have a page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from antifaz.data.media.writing import write_clip
from antifaz.engine.run import run_experiment
from antifaz.registry import WriteError
from antifaz.report import page
from antifaz.report.comparison import comparison_page
from antifaz.report.page import write_report
from antifaz.report.results import number
from antifaz.report.run_record import read_run
from tests.support.browser import Page, executable, file_address
from tests.support.parsed_page import SECTIONS, Parsed, parsed

ANTIFAZ = str(Path(sys.executable).with_name("antifaz"))
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


def figures_of(results: dict) -> dict[str, float]:
    """Every figure that has a cell of its own, under stage/metric/row/column."""
    return {
        f"{stage}/{metric}/{figure}/{given}": value
        for stage, by_given in results.items()
        for given, metrics in by_given.items()
        for metric, figures in metrics.items()
        for figure, value in figures.items()
        if not (figure.endswith("_samples") and figure.removesuffix("_samples") in figures)
    }


READ_RESULTS = """Object.fromEntries([...document.querySelectorAll('#results table')].flatMap(table => {
    const columns = [...table.querySelectorAll('th[data-column]')].map(th => th.dataset.column);
    return [...table.querySelectorAll('tbody tr')].flatMap(row => [...row.querySelectorAll('td')].map((cell, i) => [
        [table.dataset.stage, table.dataset.metric, row.querySelector('th[scope=row]').dataset.row, columns[i]].join('/'),
        cell.dataset.value]));
}).filter(pair => pair[1] !== undefined))"""
PLAY = """(async () => {
    const clip = document.querySelector('#samples video');
    clip.muted = true;
    await clip.play();
    for (let i = 0; i < 200 && clip.currentTime < 0.2; i++) await new Promise(done => setTimeout(done, 50));
    return [clip.currentTime, clip.videoWidth, clip.duration];
})()"""


@pytest.mark.skipif(executable() is None, reason="there is no Chromium on this machine")
def test_in_a_browser_the_page_shows_the_results_plays_a_clip_and_asks_for_nothing(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    with Page(executable() or "") as browser:
        browser.open(file_address(finished / "report.html"))
        shown = browser.evaluate(READ_RESULTS)
        assert {key: float(value) for key, value in shown.items()} == figures_of(results)
        text = browser.evaluate("document.querySelector('#results td[data-value]').innerText.split(' ')[0].trim()")
        assert text == number(next(iter(figures_of(results).values())))
        at, width, duration = browser.evaluate(PLAY)
        assert at >= 0.2
        assert (width, round(duration)) == (64, 2)
        everything = "document.querySelectorAll('details').forEach(d => d.open = true); document.images.length"
        assert browser.evaluate(everything) == 1
        assert browser.evaluate("document.images[0].naturalWidth") > 0
        narrow = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        browser.call("Emulation.setDeviceMetricsOverride", **narrow)
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        elsewhere = [url for url in browser.requests if not url.startswith("data:")]
        assert elsewhere == [file_address(finished / "report.html")]


def test_the_page_has_every_part_and_nothing_from_elsewhere(finished: Path) -> None:
    found = Parsed((finished / "report.html").read_text(encoding="utf-8"))
    assert set(found.ids) >= SECTIONS
    assert len(found.ids) == len(set(found.ids))
    assert "Not here" not in found.text
    sources = [value for _, attributes in found.tags for name, value in attributes.items() if name in ("src", "href", "data")]
    assert all(value.startswith(("data:", "#")) for value in sources if value is not None)
    assert {attributes.get("scope") for attributes in found.named("th")} == {"row", "col"}
    assert not found.named("script")
    assert (finished / "report.html").stat().st_size < page.ROOM


def test_warnings_are_kept_and_shown(finished: Path) -> None:
    done = json.loads((finished / "stages" / "finetune" / "done.json").read_text())
    assert done["untrained"] == ["video_z", "audio_z"]
    text = (finished / "report.html").read_text()
    assert "finetune</strong> left as they were (no objective reaches them, or they are frozen): video_z, audio_z" in text


def folder_of_clips(root: Path, labels: list[str], *, more: str = "") -> str:
    """Clips with these labels, as an entry of `data`."""
    root.mkdir()
    for i in range(len(labels)):
        frames = np.full((16, 32, 32, 3), 40 * i, np.uint8)
        write_clip(root / f"{i}.mp4", frames, np.full(32000, 0.1, np.float32), fps=8, sample_rate=16000)
    (root / "index.csv").write_text("path,label\n" + "".join(f"{i}.mp4,{label}\n" for i, label in enumerate(labels)))
    return (
        f"{{use: folder, root: {root}, index: index.csv, label: label, classes: [c0, c1], batch_size: 4, {more}"
        "clip: {seconds: 2.0}, modalities: {video: {use: frames, fps: 4, size: 32}, audio: {use: log_mel, bins: 16, hop: 0.0625}}}"
    )


SHORT = [
    "stages.pretrain=!delete",
    "stages.finetune.init=!delete",
    "stages.finetune.steps=2",
    "data.paired=!delete",
    "graph.labels.classes=2",
]


def test_several_labels_have_no_confusion_and_still_a_page(tiny, tmp_path: Path) -> None:
    folder = folder_of_clips(tmp_path / "media", ["c0", "c1", "c0;c1", ""], more="separator: ;, ")
    changes = [
        f"data.labelled={folder}",
        "stages.finetune.objectives.labels={use: binary_cross_entropy, in: [labels, batch.label]}",
        "stages.evaluate.metrics={map: {use: mean_average_precision, in: [labels, batch.label]}}",
    ]
    run_experiment(tiny(*changes, "stages.evaluate.metrics.accuracy=!delete", *SHORT), tmp_path / "r", device="cpu", quiet=True)
    found = Parsed((tmp_path / "r" / "report.html").read_text(encoding="utf-8"))
    assert "No metric of this run has kept which classes were confused." in found.text
    assert "Not here" not in found.text
    results = json.loads((tmp_path / "r" / "results.json").read_text())
    assert number(results["evaluate"]["audio"]["map"]["fusion"]) in found.text


def test_skipped_files_become_warnings(tiny, tmp_path: Path) -> None:
    media = tmp_path / "media"
    folder = folder_of_clips(media, ["c0", "c1", "c0", "c1"], more="max_unreadable: 1, ")
    (media / "3.mp4").write_bytes(b"no media")
    run_experiment(tiny(f"data.labelled={folder}", *SHORT), tmp_path / "r", device="cpu", quiet=True)
    told = [each["text"] for each in read_run(tmp_path / "r").warnings]
    assert told
    assert all(text.startswith(f"skipped {media / '3.mp4'} cannot be read as media") for text in told)
    found = parsed(tmp_path / "r")
    assert found.text.count(told[0]) == len({each["stage"] for each in read_run(tmp_path / "r").warnings})
    kept = json.loads((tmp_path / "r" / "stages" / "evaluate" / "details.json").read_text())["given"]["audio+video"]["accuracy"]
    assert kept["outputs"]["fusion"]["scores"][3] is None
    assert kept["outputs"]["fusion"]["answers"][3] is None


@pytest.mark.parametrize(
    ("gone", "section"),
    [("results.json", "results"), ("metrics.jsonl", "curves"), ("data.json", "data"), ("origins.json", "config")],
)
def test_what_is_missing_is_said(copied: Path, gone: str, section: str) -> None:
    (copied / gone).unlink()
    found = parsed(copied)
    assert set(found.ids) >= SECTIONS
    assert found.text.count("Not here") == 1
    assert section in read_run(copied).missing


@pytest.mark.parametrize(
    "name", ["results.json", "metrics.jsonl", "data.json", "environment.json", "origins.json", "warnings.jsonl"]
)
@pytest.mark.parametrize(
    "content",
    [b"", b"[1, 2", b"[]", b'{"a": 1}', b'{"stage": [], "step": []}', b"\xff\xfe", b'{"evaluate": {"audio": 3}}', b"null"],
)
def test_damaged_parts_still_give_a_page(copied: Path, name: str, content: bytes) -> None:
    (copied / name).write_bytes(content)
    assert set(parsed(copied).ids) >= SECTIONS
    assert Parsed(comparison_page({"a": read_run(copied, wired=False), "b": read_run(copied, wired=False)})).ids


@pytest.mark.parametrize(
    "content", ["", "{}", '{"given": 3}', '{"lower_is_better": 3}', '{"given": {"all": {"accuracy": {"outputs": {"x": {}}}}}}']
)
def test_damaged_details_still_give_a_page(copied: Path, content: str) -> None:
    (copied / "stages" / "evaluate" / "details.json").write_text(content)
    assert set(parsed(copied).ids) >= SECTIONS
    assert Parsed(comparison_page({"a": read_run(copied, wired=False), "b": read_run(copied, wired=False)})).ids


def test_a_run_that_has_only_begun_has_a_page(finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "begun"
    root.mkdir()
    shutil.copy(finished / "config.yaml", root)
    found = parsed(root)
    assert set(found.ids) >= SECTIONS
    assert "0 of 3 stages finished" in found.text
    assert "not begun" in found.text


def test_a_config_that_cannot_be_read_here_still_has_a_page(copied: Path) -> None:
    config = copied / "config.yaml"
    config.write_text(config.read_text().replace("use: vit", "use: from_elsewhere"))
    found = parsed(copied)
    assert "unknown graph node 'from_elsewhere'" in found.text
    assert len(found.named("video")) > 0


def test_names_and_values_are_text(copied: Path) -> None:
    (copied / "config.yaml").write_text(json.dumps({"name": HOSTILE, "stages": {HOSTILE: {"task": HOSTILE, "steps": 3}}}))
    (copied / "origins.json").write_text(json.dumps([[HOSTILE, HOSTILE, HOSTILE]]))
    (copied / "results.json").write_text(json.dumps({HOSTILE: {HOSTILE: {HOSTILE: {HOSTILE: 1.5}}}}))
    (copied / "metrics.jsonl").write_text(json.dumps({"stage": HOSTILE, "step": 1, f'"{HOSTILE.replace("/", "")}': 2.0}))
    (copied / "environment.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    (copied / "warnings.jsonl").write_text(json.dumps({"stage": HOSTILE, "text": HOSTILE}))
    details = json.loads((copied / "stages" / "evaluate" / "details.json").read_text())
    details["samples"] = [f"{HOSTILE}/{i}.mp4" for i in range(32)]
    for kept in (m["accuracy"] for m in details["given"].values() if "accuracy" in m):
        kept["classes"] = [f"{HOSTILE}{i}" for i in range(16)]
    (copied / "stages" / "evaluate" / "details.json").write_text(json.dumps(details))
    found = parsed(copied)
    assert not found.named("script")
    assert not [attributes for attributes in found.named("img") if attributes.get("src") == "x"]
    assert not [attributes for _, attributes in found.tags if any(name.startswith("on") for name in attributes)]
    assert found.text.count("document.title='taken'") > 10
    both = comparison_page({HOSTILE: read_run(copied), "b": read_run(copied)})
    assert not Parsed(both).named("script")


def test_the_command_renews_and_says_where(copied: Path) -> None:
    (copied / "report.html").unlink()
    done = subprocess.run([ANTIFAZ, "report", copied.name], cwd=copied.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"report: {copied.name}/report.html"
    assert (copied / "report.html").is_file()


def test_a_page_goes_where_it_is_asked_to_or_says_why_not(copied: Path, tmp_path: Path) -> None:
    assert write_report(copied, output=tmp_path / "new" / "page.html") == tmp_path / "new" / "page.html"
    assert "Confusion" in (tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    for place in (tmp_path, copied / "config.yaml" / "page.html"):
        with pytest.raises(WriteError, match=r"cannot write (.|\n)*choose another place with --output FILE"):
            write_report(copied, output=place)


def test_a_report_that_fails_does_not_fail_the_run(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Path:
        raise OSError("no room")

    monkeypatch.setattr(page, "write_report", broken)
    run = run_experiment(tiny("stages.finetune=!delete", "stages.evaluate=!delete"), tmp_path / "r", device="cpu", quiet=True)
    assert run.folder.is_done("pretrain")
    assert not run.folder.report.exists()


def test_clips_beyond_the_room_are_left_out_and_said(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page.run_page(read_run(finished))
    assert "clips are left out" not in whole
    bare = len(whole.encode()) - sum(len(a["src"] or "") for a in Parsed(whole).named("video"))
    monkeypatch.setattr(page, "ROOM", bare + 200_000 + 60_000)
    less = page.run_page(read_run(finished))
    assert 0 < len(Parsed(less).named("video")) < len(Parsed(whole).named("video"))
    assert "clips are left out: the page has no more room for them." in less
    assert len(less.encode()) <= page.ROOM


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ({"steps": 6}, "6 steps"),
        ({"steps": 4}, "ended early: 4 of 6 steps"),
        (
            {"steps": 6, "best": {"figure": "all/accuracy/mean", "step": 2, "value": 0.5}},
            "6 steps; weights of step 2, all/accuracy/mean 0.5",
        ),
    ],
)
def test_how_a_stage_ended_is_said(copied: Path, done: dict, words: str) -> None:
    (copied / "stages/pretrain/done.json").write_text(json.dumps({"parameters": 1, "untrained": [], **done}))
    (row,) = [row for row in map(page._stage_row, read_run(copied).stages) if row.name == "pretrain"]
    assert row.state == words
