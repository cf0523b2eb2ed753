"""What the runner knows of a project: its folders, the test programs that are for each, and how the copy is configured."""
import json
import os

OWN = "mutation.json"  # at the root of another project than this one: {"programs": {folder: [...]}, "options": [...]}

COMPARE = ["compare_test", "run_test", "verify_test", "check_test", "profile_tests", "approximate_test", "recommend_test",
           "tables_tests", "failures_test"]
CUDA = ["cuda_" + name for name in ("executor_test", "stages_test", "attend_test", "attend_contract_test", "attention_test",
                                    "half_test", "device_test", "profile_test", "mma_test")]
PROGRAMS = {
    "llsa": ["llsa_test", "reference_test", "compare_test", "run_test", "verify_test", "diffusion_test"],
    "reference": ["reference_test", "compare_test", "verify_test", "check_test", "diffusion_test"],
    "compare": COMPARE + ["reference_test"],
    "files": ["files_test", "datasets_test", "program_test", "run_test", "diffusion_test", "failures_test"],
    "program": ["program_test", "run_test", "verify_test", "diffusion_test", "failures_test"],
    "datasets": ["datasets_test", "diffusion_test", "approximate_test"],
    "plot": ["plot_tests", "profile_tests", "approximate_test"],
    "diffusion": ["diffusion_test", "failures_test"],
    "backends": ["backends_test", "reference_test", "run_test", "failures_test"],
    "demo": ["demo_tests", "failures_test"],
    "cuda": CUDA,
    "viewer": ["viewer_tests"],
}
class Project:
    def __init__(self, root):
        self.root = root
        self.programs, self.options = PROGRAMS, None
        own = os.path.join(root, OWN)
        if os.path.exists(own):
            with open(own, encoding="utf-8") as file:
                described = json.load(file)
            self.programs, self.options = described["programs"], described.get("options", [])
        self.folders = list(self.programs)

    def tests_of(self, folders):
        found = []
        for folder in folders:
            found += [name for name in self.programs[folder] if name not in found]
        return found

    def configuration(self, folders):
        """CMake's options: only the parts that the folders need."""
        if self.options is not None:
            return self.options
        part = {"LLSA_CUDA_ON_CPU": "cuda" in folders, "LLSA_VIEWER": "viewer" in folders, "LLSA_CUDA": False,
                "LLSA_BENCHMARKS": False, "LLSA_WERROR": False}
        return [f"-D{name}={'ON' if value else 'OFF'}" for name, value in part.items()]

    def environment(self):
        """The test pictures are looked for beside the user's tree, not beside the copy."""
        pictures = os.path.join(os.path.dirname(self.root), "shared", "data")
        return {"LLSA_TEST_DATA": pictures} if os.path.isdir(pictures) and "LLSA_TEST_DATA" not in os.environ else {}
