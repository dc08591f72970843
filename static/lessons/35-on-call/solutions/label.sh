kubectl label pod search-1 app=search
