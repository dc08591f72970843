kubectl set selector service web app=spare
