from crshare.api import analyze as analyze
from crshare.api import apply_tables as apply_tables
from crshare.api import choose as choose
from crshare.api import demo_images as demo_images
from crshare.api import evaluate as evaluate
from crshare.api import evaluate_tables as evaluate_tables
from crshare.api import generate as generate
from crshare.api import image_set as image_set
from crshare.api import load as load
from crshare.api import load_images as load_images
from crshare.api import load_plan as load_plan
from crshare.api import load_plan_tables as load_plan_tables
from crshare.api import optimize as optimize
from crshare.api import optimize_tables as optimize_tables
from crshare.api import save_figures as save_figures
from crshare.api import save_plan as save_plan
from crshare.api import save_plan_tables as save_plan_tables
from crshare.api import to_fixed_point as to_fixed_point

__all__: list[str]
__version__: str
