# cmake -DINPUT=FILE -DOUTPUT=FILE -DNAMESPACE=NAME -DVARIABLE=NAME -P embed.cmake: a text file as a C++ string. Literals have
# a limit in the standard, so the text is cut into pieces that the compiler joins.
file(READ "${INPUT}" text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "    R\"llsa(${piece})llsa\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE "${OUTPUT}" "namespace ${NAMESPACE} {\n\nextern const char* const ${VARIABLE};\nconst char* const ${VARIABLE} =\n\
${pieces}    \"\";\n\n}  // namespace ${NAMESPACE}\n")
