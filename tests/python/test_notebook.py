"""The notebook runs from its first cell to its last, and is kept without outputs."""
import json
import sys

import pytest

NOTEBOOK = "python/examples/first_look.ipynb"


def test_the_notebook_runs(root, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(root / NOTEBOOK, as_version=4)
    kernel = tmp_path / "kernels" / "python3"  # this Python, whatever kernels the user has installed
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"display_name": "tests", "language": "python", "argv": [
        sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(tmp_path))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        nbclient.NotebookClient(notebook, timeout=150, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert "relative error" in text and "loss" in text
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)


def test_the_notebook_is_kept_without_outputs(root):
    cells = json.loads((root / NOTEBOOK).read_text())["cells"]
    assert cells and not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
