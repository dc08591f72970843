kubectl set selector service cart app=cart
