#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`docparse bench` as a user runs it: figures, reports, comparison, exit codes."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PROGRAM = os.environ["DOCPARSE"]
SHARED = pathlib.Path(os.environ["DP_SHARED"]) / "data" / "bench"


def run(*args, code=0):
    done = subprocess.run([PROGRAM, "bench", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def check_answers(tmp):
    truth = write(tmp / "gt.json", {"data": [
        {"questionId": 1, "answers": ["ITC Limited"]}, {"questionId": 2, "answers": ["0.28"]},
        {"questionId": 3, "answers": ["Yes"]}]})
    pred = write(tmp / "pred.json", [{"questionId": 2, "answer": "0.26"}, {"questionId": 1, "answer": "itc limited."}])
    out = run("docvqa", "--gt", truth, "--pred", pred, "--json", tmp / "out.json")
    assert "over 3 questions, 1 without an answer" in out, out
    assert abs(json.loads((tmp / "out.json").read_text())["score"] - 100 * (11 / 12 + 0.75) / 3) < 1e-9
    truth = write(tmp / "chart.json", [{"imgname": "a.png", "query": "q", "label": "14"},
                                       {"imgname": "b.png", "query": "q", "label": "Yes"}])
    assert "50.00 over 2" in run("chartqa", "--gt", truth, "--pred", write(tmp / "p.json", ["13.5", "no"]))
    assert "needs a large model" in run("infovqa", "--gt", truth, code=3)
    run("docvqa", "--pred", pred, code=2)
    run("docvqa", "--gt", tmp / "absent.json", "--pred", pred, code=1)


def check_cer(tmp):
    (tmp / "a").mkdir()
    (tmp / "b").mkdir()
    (tmp / "a" / "x.txt").write_text("abcd  efgh\n")
    (tmp / "b" / "x.md").write_text("abxd efgh")
    out = run("cer", "--gt", tmp / "a", "--pred", tmp / "b")
    assert "character error 0.1111 (1 of 9), word error 0.5000 (1 of 2)" in out, out


def check_overlays(tmp, demo, truth):
    """Pages that are read for a report get an overlay, and the report shows it."""
    if not list(pathlib.Path(os.environ.get("DOCPARSE_MODELS", "")).glob("*det*.onnx")):
        print("note: no models, overlays not checked")
        return
    image = min(demo.glob("images/*"), key=lambda path: path.stat().st_size)
    (tmp / "one").mkdir()
    (tmp / "one" / image.name).write_bytes(image.read_bytes())
    run("omnidocbench", "--gt", truth, "--pred", tmp / "read", "--images", tmp / "one", "--html", tmp / "r.html")
    overlay = tmp / "read" / (image.stem + ".overlay.svg")
    assert "<svg" in overlay.read_text(encoding="utf-8") and "data:image/" in overlay.read_text(encoding="utf-8")
    assert f'src="{overlay.resolve()}"' in (tmp / "r.html").read_text(encoding="utf-8")
    run("omnidocbench", "--gt", truth, "--pred", tmp / "plain", "--images", tmp / "one")
    assert sorted(path.suffix for path in (tmp / "plain").iterdir()) == [".md"], "overlays only for a report"


def check_omnidocbench(tmp):
    demo = SHARED / "omnidocbench-demo"
    truth = demo / "OmniDocBench_demo.json"
    out = run("omnidocbench", "--gt", truth, "--pred", demo / "pred-sample", "--json", tmp / "a.json", "--html", tmp / "a.html")
    for figure in ("18 of 18 pages", "0.3513", "0.3189", "0.8001", "0.9146", "0.1613"):
        assert figure in out, (figure, out)
    report = json.loads((tmp / "a.json").read_text())
    assert abs(report["overall"]["text_edit"] - 0.3513169474289845) < 1e-9
    assert len(report["per_page"]) == 18 and len(report["figures"]) > 150
    assert "Worst pages" in (tmp / "a.html").read_text()
    out = run("omnidocbench", "--gt", truth, "--pred", demo / "gt-markdown", "--compare", tmp / "a.json")
    assert "better" in out and "worse" not in out, out
    out = run("omnidocbench", "--gt", truth, "--pred", demo / "pred-sample", "--version", "v1.0")
    assert "0.3561" in out and "0.2170" in out, out
    check_overlays(tmp, demo, truth)
    run("omnidocbench", "--gt", truth, "--pred", demo, "--version", "v9", code=2)
    run("omnidocbench", "--gt", demo / "pred-sample", "--pred", demo, code=1)


def check_v16(tmp):
    """Pages of our own with all that version 1.6 treats specially; expected values from the official evaluator."""
    with open(pathlib.Path(__file__).parent.parent / "golden" / "omnidocbench_v16.json", encoding="utf-8") as f:
        case = json.load(f)
    truth = write(tmp / "v16.json", case["truth"])
    (tmp / "v16").mkdir()
    for image, markdown in case["predictions"].items():
        (tmp / "v16" / (image[:-4] + ".md")).write_text(markdown, encoding="utf-8")
    run("omnidocbench", "--gt", truth, "--pred", tmp / "v16", "--version", "v1.6", "--json", tmp / "v16.out.json")
    compared = 0
    for page in json.loads((tmp / "v16.out.json").read_text())["per_page"]:
        for key, want in case["expected"][page["image"]].items():
            got = page[key]
            assert (got is None) == (want is None) and (want is None or abs(got - want) < 1e-9), (page["image"], key, got, want)
            compared += want is not None
    assert compared > 40, compared


def check_olmocr(tmp):
    sample = SHARED / "olmocr-bench-sample"
    run("olmocr", "--gt", sample / "dataset.jsonl", "--pred", sample / "olmocr_pipeline", "--json", tmp / "o.json")
    ours = json.loads((tmp / "o.json").read_text())
    compared = 0
    for row in json.loads((sample / "golden_results.json").read_text()):
        if row["passed"] is not None and ours.get(row["id"]) is not None:
            assert ours[row["id"]] == row["passed"], row
            compared += 1
    assert compared == 87, compared


def main():
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        check_answers(tmp)
        check_cer(tmp)
        check_v16(tmp)
        run("--help")
        assert "did you mean 'olmocr'" in run("olmocrr", code=2)
        if not (SHARED / "omnidocbench-demo").is_dir():
            print("SKIP: the shared benchmark data is not there")
            return 77
        check_omnidocbench(tmp)
        check_olmocr(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
