"""Help the process with the number that is given to compile kernels, and end when it ends."""

import os
import sys

from stream.kernels.filling import end_with, fill

end_with(int(sys.argv[1]))
if hasattr(os, "nice"):
    os.nice(5)
fill()
