"""The page's further tabs, one file each. Like `page`, these know Gradio."""
