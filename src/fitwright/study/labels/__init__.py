"""The size study of labelled data: label more, or a bigger encoder?"""
