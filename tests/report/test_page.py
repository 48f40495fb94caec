"""Reports: the page of a run says what the run left, in a browser too; several runs side by side; unfinished and hostile ones."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from antifaz.core.errors import FolderError
from antifaz.core.experiment import read
from antifaz.data.media.writing import write_clip
from antifaz.engine.run import run_experiment
from antifaz.registry import WriteError
from antifaz.report import clips, page
from antifaz.report.comparison import compared, comparison_page, differences, write_comparison
from antifaz.report.curves import BUCKETS, charts, series, thinned
from antifaz.report.graph_picture import TIMES, picture
from antifaz.report.page import write_report
from antifaz.report.results import number
from antifaz.report.run_record import gather
from tests.support.browser import Page, executable, file_address

ANTIFAZ = str(Path(sys.executable).with_name("antifaz"))
SECTIONS = {"results", "stages", "curves", "graph", "mask", "confusion", "samples", "data", "warnings", "environment", "config"}
ENCODER = {"video": 8, "audio": 4, "fusion": 2}
VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"


class Parsed(HTMLParser):
    """A page taken apart: ids, tags with attributes, text; elements must nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id" and value is not None]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def finished(tiny_config: Path, plugins, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "tiny"
    run_experiment(read(tiny_config, plugins), root, device="cpu", quiet=True)
    return root


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A run that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "copied", ignore=shutil.ignore_patterns("checkpoints", "events")))


def parsed(root: Path) -> Parsed:
    return Parsed(write_report(root).read_text(encoding="utf-8"))


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


def test_confusion_and_scores_agree_with_the_accuracy(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())["evaluate"]
    details = json.loads((finished / "stages" / "evaluate" / "details.json").read_text())
    for given in ("audio", "video", "audio+video"):
        kept = details["given"][given]["accuracy"]
        assert set(kept["outputs"]) == {f.removesuffix("_samples") for f in results[given]["accuracy"] if f.endswith("_samples")}
        for output, each in kept["outputs"].items():
            right = sum(count for target, answer, count in each["confusion"] if target == answer)
            assert 100 * right / 32 == pytest.approx(results[given]["accuracy"][output])
            assert sum(count for *_, count in each["confusion"]) == 32
            assert all(0 <= score <= 1 for score in each["scores"])
            assert len(each["scores"]) == len(details["samples"]) == 32
    assert set(details["given"]) == {"audio", "video", "audio+video"}  # retrieval keeps nothing of single samples
    assert details["lower_is_better"]["pairs"] == ["backward_median_rank", "forward_median_rank"]


def test_the_best_and_the_worst_samples_are_those_of_the_scores(finished: Path) -> None:
    facts = gather(finished)
    details = json.loads((finished / "stages" / "evaluate" / "details.json").read_text())
    shown = {s.output: s for s in page.best_and_worst(facts.stages, facts.experiment, clips.Clips(page.ROOM))}
    for output in ("audio", "video", "fusion", "late", "mean"):
        scores = details["given"]["audio+video"]["accuracy"]["outputs"][output]["scores"]
        assert [card.score for card in shown[output].best] == sorted(scores, reverse=True)[:3]
        assert [card.score for card in shown[output].worst] == sorted(scores)[:3]
        assert all(scores[card.index] == card.score for card in shown[output].best)
        assert all(card.players[0].kind == "video" for card in shown[output].best)


def test_every_value_of_the_config_is_there_with_its_origin(finished: Path, tiny_config: Path) -> None:
    origins = json.loads((finished / "origins.json").read_text())
    assert ["stages.pretrain.steps", 6] in [origin[:2] for origin in origins]
    line = next(i for i, text in enumerate(tiny_config.read_text().splitlines(), 1) if text == "    steps: 6")
    assert next(place for key, _, place in origins if key == "stages.pretrain.steps").endswith(f"tiny.yaml:{line}:12")


def test_an_override_is_an_origin_and_stays_one(tiny, tmp_path: Path) -> None:
    override = "stages.finetune=!delete", "stages.evaluate=!delete", "stages.pretrain.steps=2"
    for _ in range(2):  # a second start of the same run changes nothing
        run_experiment(tiny(*override), tmp_path / "r", device="cpu", quiet=True)
        facts = gather(tmp_path / "r")
        assert (
            next(place for key, _, place in facts.origins if key == "stages.pretrain.steps")
            == "command line: stages.pretrain.steps=2"
        )
    run_experiment(tiny(*override, "seed=1"), tmp_path / "r", device="cpu", quiet=True, fresh=True)
    assert ("seed", 1, "command line: seed=1") in gather(tmp_path / "r").origins


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
    told = [each["text"] for each in gather(tmp_path / "r").warnings]
    assert told
    assert all(text.startswith(f"skipped {media / '3.mp4'} cannot be read as media") for text in told)
    found = parsed(tmp_path / "r")
    assert found.text.count(told[0]) == len({each["stage"] for each in gather(tmp_path / "r").warnings})
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
    assert section in gather(copied).missing


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
    assert Parsed(comparison_page({"a": gather(copied, wired=False), "b": gather(copied, wired=False)})).ids


@pytest.mark.parametrize(
    "content", ["", "{}", '{"given": 3}', '{"lower_is_better": 3}', '{"given": {"all": {"accuracy": {"outputs": {"x": {}}}}}}']
)
def test_damaged_details_still_give_a_page(copied: Path, content: str) -> None:
    (copied / "stages" / "evaluate" / "details.json").write_text(content)
    assert set(parsed(copied).ids) >= SECTIONS
    assert Parsed(comparison_page({"a": gather(copied, wired=False), "b": gather(copied, wired=False)})).ids


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
    both = comparison_page({HOSTILE: gather(copied), "b": gather(copied)})
    assert not Parsed(both).named("script")


def test_runs_side_by_side(tiny, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run_experiment(tiny("stages.finetune.optimizer.lr=0.01", "seed=3"), other, device="cpu", quiet=True)
    target = write_comparison([finished, other], tmp_path / "both.html")
    text = target.read_text(encoding="utf-8")
    found = Parsed(text)
    assert set(found.ids) >= {"runs", "results", "curves", "config", "environment"}
    runs = {"a": gather(finished), "b": gather(other)}
    both = [json.loads((root / "results.json").read_text())["evaluate"] for root in (finished, other)]
    for table in compared(runs):
        metric, _, given = table.metric.partition(" given ")
        for name, cells in table.rows.items():
            values = [results[given][metric][name] for results in both]
            assert [cell.value for cell in cells if cell is not None] == values
            best = min(values) if name.endswith("median_rank") else max(values)
            expected = [len(set(values)) > 1 and value == best for value in values]
            assert [cell.better for cell in cells if cell is not None] == expected
    config = {label: {key: json.dumps(value) for key, value, _ in facts.origins} for label, facts in runs.items()}
    assert set(differences(config)) == {"stages.finetune.optimizer.lr", "seed"}
    assert found.text.count("Not here") == 0
    assert "stages.finetune.optimizer.lr" in found.text
    assert "stages.pretrain.optimizer.lr" not in found.text
    assert len([a for a in found.named("path") if "line" in (a.get("class") or "")]) > 2 * 8


@pytest.mark.parametrize("arguments", [["."], ["nowhere"], [".", "nowhere"]])
def test_folders_that_are_no_runs_are_words(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([ANTIFAZ, "report", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is no run folder: it has no config.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_run_twice_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="named twice"):
        write_comparison([finished, finished.parent / "." / finished.name], tmp_path / "x.html")


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
    whole = page.run_page(gather(finished))
    assert "clips are left out" not in whole
    bare = len(whole.encode()) - sum(len(a["src"] or "") for a in Parsed(whole).named("video"))
    monkeypatch.setattr(page, "ROOM", bare + 200_000 + 60_000)
    less = page.run_page(gather(finished))
    assert 0 < len(Parsed(less).named("video")) < len(Parsed(whole).named("video"))
    assert "clips are left out: the page has no more room for them." in less
    assert len(less.encode()) <= page.ROOM


def test_large_and_odd_files_become_short_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (240, 64, 96, 3), dtype=np.uint8)
    write_clip(tmp_path / "long.mp4", frames, np.zeros(20 * 16000, np.float32), fps=12, sample_rate=16000)
    assert (tmp_path / "long.mp4").stat().st_size > clips.SMALL
    made = clips.player(tmp_path / "long.mp4", None)
    assert (made.kind, made.note) == ("video", "a small version of the clip")
    assert len(made.uri) < (tmp_path / "long.mp4").stat().st_size
    write_clip(tmp_path / "sound.mp4", None, np.zeros(16000, np.float32), fps=12, sample_rate=16000)
    assert clips.player(tmp_path / "sound.mp4", None).uri.startswith("data:audio/mp4;base64,")
    shutil.copy(tmp_path / "sound.mp4", tmp_path / "sound.xyz")
    assert clips.player(tmp_path / "sound.xyz", None).note == "a small version of the clip"


def test_samples_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.wav", "c, d.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert clips.files_of("a.mp4", str(tmp_path)) == [tmp_path / "a.mp4"]
    assert clips.files_of("a.mp4, b.wav", str(tmp_path)) == [tmp_path / "a.mp4", tmp_path / "b.wav"]
    assert clips.files_of("c, d.mp4", str(tmp_path)) == [tmp_path / "c, d.mp4"]
    assert clips.files_of("a.mp4, gone.wav", str(tmp_path)) == []
    assert clips.files_of("sentence\0 5" + "x" * 5000, str(tmp_path)) == []
    (player,) = clips.Clips(10**6).players("a.mp4", str(tmp_path), None)
    assert player.kind == ""
    assert player.note == "nothing to play: no media file"


def test_curves_keep_spikes_and_leave_out_what_is_not_finite() -> None:
    points = [(float(i), 1.0) for i in range(100_000)]
    points[77_777] = (77_777.0, 9.0)
    kept = thinned(points)
    assert len(kept) <= 2 * BUCKETS + 1
    assert (77_777.0, 9.0) in kept
    assert kept[-1] == points[-1]
    records = [{"stage": "s", "step": i, "loss": 1.0 / i, "av": 1.0 / i, "x": math.nan, "all/m/f": 2.0} for i in (1, 2, 4)]
    found = charts({"": series(records)})
    assert [chart.title for chart in found] == ["loss"]  # `av` is the whole loss, `x` never finite, the last no curve
    (line,) = found[0].lines
    heights = [y for _, y in line.dots]
    assert heights == sorted(heights)  # a falling loss goes down the picture
    assert line.last == 0.25


def test_the_graph_is_drawn_from_top_to_bottom(tiny) -> None:
    wiring = tiny().wiring
    drawn = picture(wiring)
    boxes = {box.title: box for box in drawn.boxes}
    assert set(boxes) == {*wiring.nodes, "batch.video", "batch.audio"}
    for node in wiring.nodes.values():
        for wire in node.wires:
            source = boxes[wire.reference if wire.node == "batch" else wire.node]
            assert source.y + source.height < boxes[node.name].y
    for a in drawn.boxes:
        assert a.x >= 0
        assert a.x + a.width <= drawn.width
        assert a.y + a.height <= drawn.height
        for b in drawn.boxes:
            assert a is b or a.x + a.width <= b.x or b.x + b.width <= a.x or a.layer != b.layer
    assert boxes["encoder"].rows == tuple(f"{name}: {tokens} tokens{TIMES}16" for name, tokens in ENCODER.items())


@pytest.mark.parametrize(
    ("value", "text"),
    [(93.75, "93.75"), (100.0, "100"), (0.123456, "0.123"), (12345.6, "12,346"), (math.nan, "not a number"), (-math.inf, "-∞")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
