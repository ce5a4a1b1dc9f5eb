"""The benchmark of tools that predict: labels of a side's output, differences, and mistakes."""
import prediction_tools as script


def test_labels_that_differ_are_counted_for_our_own_sides(tmp_path, capsys):
    ours, foreign = tmp_path / "ours.tsv", tmp_path / "foreign.txt"
    ours.write_text('row\ttext\tprediction\tp(a)\n0\tsay "x\ta\t0.9\n1\ty\tb\t0.2\n')
    foreign.write_text("0\n1\n")
    assert script.labels_of(str(ours), "onnxruntime") == ["a", "b"]
    assert script.labels_of(str(foreign), "setfit") == ["0", "1"]
    script.show("2 lines", {
        "tensorflow": ([3.0, 1.0, 2.0], ["a", "b"]), "8-bit": ([0.5], ["a", "a"]), "setfit": ([4.0], ["0", "1"]),
    })
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert lines == [
        ["tensorflow", "2.00", "(1.00", "to", "3.00)", "0", "labels", "differ"],
        ["8-bit", "0.50", "(0.50", "to", "0.50)", "1", "labels", "differ"],
        ["setfit", "4.00", "(4.00", "to", "4.00)"],
    ]


def test_mistakes(tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("good\n")
    command = ["--model_dir=%s" % tmp_path, "--texts=%s" % (tmp_path / "texts.txt")]
    assert script.main(command + ["--rounds=0"]) == 2
    assert "--rounds=0: at least 1" in capsys.readouterr().err
    assert script.main(command + ["--setfit_python=python"]) == 2
    assert "--setfit_python needs --train" in capsys.readouterr().err
    assert script.main(command + ["--texts=%s" % (tmp_path / "none.txt")]) == 2
    assert "none.txt" in capsys.readouterr().err
