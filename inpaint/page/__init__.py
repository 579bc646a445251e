"""The web page. The only room that knows Gradio."""
