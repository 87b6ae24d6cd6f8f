from pydl.ops.activation import *
from pydl.ops.arithmetic import *
from pydl.ops.branches import *
from pydl.ops.compare import *
from pydl.ops.conv import *
from pydl.ops.core import *
from pydl.ops.creation import *
from pydl.ops.ctc import *
from pydl.ops.cumulative import *
from pydl.ops.custom import *
from pydl.ops.diagonal import *
from pydl.ops.einsum import *
from pydl.ops.exponential import *
from pydl.ops.fourier import *
from pydl.ops.gather import *
from pydl.ops.host import *
from pydl.ops.indexing import *
from pydl.ops.integers import *
from pydl.ops.joining import *
from pydl.ops.jvp import *
from pydl.ops.linalg import *
from pydl.ops.loops import *
from pydl.ops.loss import *
from pydl.ops.matmul import *
from pydl.ops.normalization import *
from pydl.ops.patches import *
from pydl.ops.pool import *
from pydl.ops.quantile import *
from pydl.ops.rearrange import *
from pydl.ops.reduce import *
from pydl.ops.scans import *
from pydl.ops.scatter import *
from pydl.ops.segment import *
from pydl.ops.sequences import *
from pydl.ops.shape import *
from pydl.ops.softmax import *
from pydl.ops.sort import *
from pydl.ops.special_values import *
from pydl.ops.statistics import *
from pydl.ops.trigonometry import *
from pydl.ops.vectorize import *
from pydl.ops.window import *

from pydl.ops import image as image  # isort: skip
from pydl.ops import linalg as linalg
from pydl.ops import nn as nn
from pydl.ops import numpy as numpy
