#pragma once

// The system's OpenGL with prototypes: core functions come straight from libOpenGL, no loader is needed.
#define GL_GLEXT_PROTOTYPES
#include <GL/gl.h>
#include <GL/glext.h>
