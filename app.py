"""The page. Hosted Spaces find it here; at home: python app.py."""

from inpaint.page import build, launch

demo = build()

if __name__ == "__main__":
    launch(demo)
