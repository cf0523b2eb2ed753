/* Which instruction sets this processor has, as a tuple of the names that the extension modules carry, best first. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *instruction_sets(PyObject *self, PyObject *unused) {
  (void)self, (void)unused;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl");
  if (avx512) return Py_BuildValue("(sss)", "avx512", "avx2", "baseline");
  if (avx2) return Py_BuildValue("(ss)", "avx2", "baseline");
#endif
  return Py_BuildValue("(s)", "baseline");
}

static PyMethodDef methods[] = {{"instruction_sets", instruction_sets, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_cpu", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__cpu(void) { return PyModule_Create(&module); }
